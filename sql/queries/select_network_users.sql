-- Biases and factors of a model, one row per factor, in the order of its index.
select
    weights.bias,
    unnest(weights.factors) as value,
    generate_subscripts(weights.factors, 1) as position,
from network_users as weights
inner join user_embeddings as known
    on weights.model_id = known.model_id and weights.user_id = known.user_id
where weights.model_id = $model_id
order by known.user_index, position;
