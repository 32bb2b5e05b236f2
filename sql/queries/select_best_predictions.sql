-- The movies that a user has not rated by predicted rating, as rows of recommendations.
with own as (
    select avg(actual_rating) as mean_rating
    from predictions
    where user_id = $user_id
)

select
    prediction.model_id,
    prediction.user_id,
    'rating' as method,
    row_number() over (
        order by prediction.predicted_rating desc, prediction.movie_id
    ) as rank,
    prediction.movie_id,
    prediction.title,
    null::float as similarity,
    prediction.predicted_rating,
    coalesce(prediction.predicted_rating >= own.mean_rating, false) as is_confirmed,
from predictions as prediction
cross join own
where prediction.user_id = $user_id and prediction.actual_rating is null
order by rank
limit $count;
