-- How far SQL and onnxruntime are apart up to a user; infinite if a pair is missing.
-- The bound stands on both sides: so it reaches the first join of live_predictions.
with live as (
    select
        user_id,
        movie_id,
        predicted_rating,
    from live_predictions
    where user_id <= $last_user_id
)

select
    count(*) as pairs,
    max(
        coalesce(
            abs(live.predicted_rating - stored.predicted_rating), 'infinity'::double
        )
    ) as max_abs_difference,
from predictions as stored
left join live
    on stored.user_id = live.user_id and stored.movie_id = live.movie_id
where stored.user_id <= $last_user_id;
