-- First layer's parts of a model, in the order of its index.
select
    weights.unit,
    weights.value,
from network_movie_units as weights
inner join movie_embeddings as known
    on weights.model_id = known.model_id and weights.movie_id = known.movie_id
where weights.model_id = $model_id
order by known.movie_index, weights.unit;
