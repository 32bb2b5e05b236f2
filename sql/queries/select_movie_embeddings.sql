-- Embeddings of a model, one row per component, in the order of its own index.
select
    movie_id as id,
    unnest(embedding) as value,
    generate_subscripts(embedding, 1) as position,
from movie_embeddings
where model_id = $model_id
order by movie_index, position;
