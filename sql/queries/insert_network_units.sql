-- Store the first layer's parts that Python hands over as new_units, one row per unit.
insert into network_user_units
select
    $model_id as model_id,
    id as user_id,
    position as unit,
    value,
from new_units
where $kind = 'user';

insert into network_movie_units
select
    $model_id as model_id,
    id as movie_id,
    position as unit,
    value,
from new_units
where $kind = 'movie';
