-- Squared errors on test of the current model and of the damped bias, by user.
select
    prediction.user_id,
    count(*) as rating_count,
    sum((prediction.predicted_rating::double - prediction.actual_rating) ** 2)
        as model_square,
    sum((baseline.damped_bias - prediction.actual_rating) ** 2) as baseline_square,
from predictions as prediction
inner join baseline_predictions as baseline
    on
        prediction.user_id = baseline.user_id
        and prediction.movie_id = baseline.movie_id
where prediction.split = 'test'
group by prediction.user_id
order by prediction.user_id;
