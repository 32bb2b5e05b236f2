-- How far SQL and onnxruntime are apart for some users; infinite if a pair is missing.
select
    count(*) as pairs,
    max(
        coalesce(
            abs(live.predicted_rating - stored.predicted_rating), 'infinity'::double
        )
    ) as max_abs_difference,
from predictions as stored
left join live_predictions as live
    on stored.user_id = live.user_id and stored.movie_id = live.movie_id
where stored.user_id in (select unnest($user_ids::bigint[]));
