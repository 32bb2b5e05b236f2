-- By what the baselines rank the movies of a model, in the order of their index.
with baselines as (
    select distinct
        movie_id,
        movie_bias,
        popularity,
    from baseline_predictions
)

select
    movie.movie_id,
    coalesce(baselines.movie_bias, 0) as movie_bias,
    coalesce(baselines.popularity, 0) as popularity,
from movie_embeddings as movie
left join baselines
    on movie.movie_id = baselines.movie_id
where movie.model_id = $model_id
order by movie.movie_index;
