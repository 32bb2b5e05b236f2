-- Store embeddings that Python hands over as new_embeddings, one row per component.
insert into movie_embeddings
select
    $model_id as model_id,
    id as movie_id,
    index as movie_index,
    list(value order by position) as embedding,
from new_embeddings
group by id, index
order by index;
