-- The layers of a model after the first, one row per weight.
select
    layer,
    bias,
    lowest_value,
    unnest(weights) as weight,
    generate_subscripts(weights, 1) as position,
from network_layers
where model_id = $model_id
order by layer, unit, position;
