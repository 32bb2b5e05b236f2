-- Errors of the current model over all test rows; the sum of squares is exact.
select
    count(*) as rating_count,
    sum(((predicted_rating::double - actual_rating) ** 2)::decimal(38, 12))
        as squared_error,
    round(avg(predicted_rating::double - actual_rating), 9) as bias,
    round(avg(abs(predicted_rating::double - actual_rating)), 9) as mae,
from predictions
where split = 'test';
