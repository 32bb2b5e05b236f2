-- Every split rating that the model can predict, beside the baselines' predictions.
select
    baseline.user_id,
    active.user_index::bigint as user_index,
    movie.movie_index::bigint as movie_index,
    baseline.rating,
    baseline.global_mean,
    baseline.damped_bias,
    baseline.split = 'train' as is_train,
    baseline.split = 'valid' as is_valid,
from baseline_predictions as baseline
inner join user_embeddings as active
    on baseline.user_id = active.user_id
inner join movie_embeddings as movie
    on baseline.movie_id = movie.movie_id
where
    active.model_id = $model_id
    and movie.model_id = $model_id
order by user_index, movie_index;
