-- Store what Python hands over as new_factors, one row per factor.
insert into network_movies
select
    $model_id as model_id,
    id as movie_id,
    any_value(bias) as bias,
    list(value order by position) as factors,
from new_factors
group by id
order by id;
