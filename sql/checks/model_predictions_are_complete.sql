-- Offending rows: pairs of the current model that have not exactly one prediction.
with pairs as (
    select
        movie.model_id,
        active.user_id,
        movie.movie_id,
    from models as model
    inner join user_embeddings as active
        on model.model_id = active.model_id
    inner join movie_embeddings as movie
        on model.model_id = movie.model_id
    where model.is_current
)

select
    pairs.model_id,
    pairs.user_id,
    pairs.movie_id,
    count(prediction.movie_id) as prediction_count,
from pairs
full outer join predictions as prediction
    on
        pairs.model_id = prediction.model_id
        and pairs.user_id = prediction.user_id
        and pairs.movie_id = prediction.movie_id
group by pairs.model_id, pairs.user_id, pairs.movie_id
having count(prediction.movie_id) != 1 or pairs.model_id is null
order by pairs.user_id, pairs.movie_id;
