-- Embeddings of a model's users or movies, one row per component, by their index.
with chosen as (
    select
        user_id as id,
        user_index as index,
        embedding,
    from user_embeddings
    where model_id = $model_id and $kind = 'user'
    union all
    select
        movie_id as id,
        movie_index as index,
        embedding,
    from movie_embeddings
    where model_id = $model_id and $kind = 'movie'
)

select
    id,
    unnest(embedding) as value,
    generate_subscripts(embedding, 1) as position,
from chosen
order by index, position;
