-- Store the layers that Python hands over as new_layers, one row per weight.
insert into network_layers
select
    $model_id as model_id,
    $layer as layer,
    id as unit,
    list(value order by position) as weights,
    any_value(bias) as bias,
    $lowest_value as lowest_value,
from new_layers
group by id
order by id;
