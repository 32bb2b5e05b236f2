-- First layer's parts of a model, in the order of its index.
select
    weights.unit,
    weights.value,
from network_user_units as weights
inner join user_embeddings as known
    on weights.model_id = known.model_id and weights.user_id = known.user_id
where weights.model_id = $model_id
order by known.user_index, weights.unit;
