-- Store biases and factors that Python hands over as new_factors, one row per factor.
insert into network_users
select
    $model_id as model_id,
    id as user_id,
    any_value(bias) as bias,
    list(value order by position) as factors,
from new_factors
where $kind = 'user'
group by id
order by id;

insert into network_movies
select
    $model_id as model_id,
    id as movie_id,
    any_value(bias) as bias,
    list(value order by position) as factors,
from new_factors
where $kind = 'movie'
group by id
order by id;
