-- Verify the test rows that this model has not verified yet, from its predictions.
insert into verifications
select
    prediction.model_id,
    (current_timestamp at time zone 'UTC')::timestamp as verified_at,
    prediction.user_id,
    prediction.movie_id,
    prediction.title,
    prediction.split,
    prediction.actual_rating,
    prediction.predicted_rating,
    prediction.predicted_rating - prediction.actual_rating as error,
from predictions as prediction
anti join verifications as done
    on
        prediction.model_id = done.model_id
        and prediction.user_id = done.user_id
        and prediction.movie_id = done.movie_id
where prediction.split = 'test'
order by prediction.user_id, prediction.movie_id;
