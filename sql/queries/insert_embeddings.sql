-- Store embeddings that Python hands over as new_embeddings, one row per component.
insert into user_embeddings
select
    $model_id as model_id,
    id as user_id,
    index as user_index,
    list(value order by position) as embedding,
from new_embeddings
where $kind = 'user'
group by id, index
order by index;

insert into movie_embeddings
select
    $model_id as model_id,
    id as movie_id,
    index as movie_index,
    list(value order by position) as embedding,
from new_embeddings
where $kind = 'movie'
group by id, index
order by index;
