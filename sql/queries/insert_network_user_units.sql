-- Store the first layer's parts that Python hands over as new_units.
insert into network_user_units
select
    $model_id as model_id,
    id as user_id,
    unit,
    value,
from new_units;
