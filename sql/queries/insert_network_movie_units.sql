-- Store the first layer's parts that Python hands over as new_units.
insert into network_movie_units
select
    $model_id as model_id,
    id as movie_id,
    unit,
    value,
from new_units;
