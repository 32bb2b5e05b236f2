-- Embeddings of a model, one row per component, in the order of its own index.
select
    user_id as id,
    unnest(embedding) as value,
    generate_subscripts(embedding, 1) as position,
from user_embeddings
where model_id = $model_id
order by user_index, position;
