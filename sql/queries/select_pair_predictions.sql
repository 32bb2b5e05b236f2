-- Predictions of some pairs, in the order in which they are asked for; null if unknown.
with asked as (
    select
        unnest($user_ids::bigint[]) as user_id,
        unnest($movie_ids::bigint[]) as movie_id,
        unnest(range(len($user_ids::bigint[]))) as place,
)

select
    prediction.model_id,
    asked.user_id,
    asked.movie_id,
    prediction.title,
    prediction.predicted_rating,
    prediction.lower,
    prediction.upper,
    prediction.actual_rating,
    prediction.split,
from asked
left join predictions as prediction
    on asked.user_id = prediction.user_id and asked.movie_id = prediction.movie_id
order by asked.place;
