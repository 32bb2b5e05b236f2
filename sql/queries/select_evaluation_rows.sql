-- Every split rating that the model can predict, beside the baselines' predictions.
-- A movie is liked if it is rated at or above the user's mean over these ratings.
select
    baseline.user_id,
    active.user_index::bigint as user_index,
    movie.movie_index::bigint as movie_index,
    baseline.rating,
    baseline.global_mean,
    baseline.damped_bias,
    baseline.popularity,
    baseline.rating
    >= round(avg(baseline.rating) over (partition by baseline.user_id), 9) as is_liked,
    baseline.split = 'train' as is_train,
    baseline.split = 'valid' as is_valid,
    radii.radius,
from baseline_predictions as baseline
inner join user_embeddings as active
    on baseline.user_id = active.user_id
inner join movie_embeddings as movie
    on baseline.movie_id = movie.movie_id
inner join interval_radii as radii
    on active.model_id = radii.model_id and active.user_id = radii.user_id
where
    active.model_id = $model_id
    and movie.model_id = $model_id
order by active.user_index, baseline.movie_id;
