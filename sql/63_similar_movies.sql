-- similar_movies: movies that the current model holds to be alike.
-- Grain: one row per movie of the model and other movie of the model.
-- Reads: models, movie_embeddings, movies.
-- Why: the cosine of two embeddings, by DuckDB's own list functions.

create or replace view similar_movies as
with embedded as (
    select
        known.model_id,
        known.movie_id,
        known.embedding,
    from movie_embeddings as known
    inner join models as model
        on known.model_id = model.model_id and model.is_current
),

compared as (
    select
        one.model_id,
        one.movie_id,
        other.movie_id as similar_movie_id,
        round(list_cosine_similarity(one.embedding, other.embedding), 6) as similarity,
    from embedded as one
    inner join embedded as other
        on one.movie_id != other.movie_id
)

select
    compared.model_id,
    compared.movie_id,
    row_number() over (
        partition by compared.movie_id
        order by compared.similarity desc, compared.similar_movie_id
    ) as rank,
    compared.similar_movie_id,
    movie.title,
    compared.similarity,
from compared
inner join movies as movie
    on compared.similar_movie_id = movie.movie_id;

comment on view similar_movies is
'How alike movies are to the current model. One row per movie and other movie.';
comment on column similar_movies.model_id is
'The current model, as in models.';
comment on column similar_movies.movie_id is
'Movie as the data names it.';
comment on column similar_movies.rank is
'1 is the most similar, ties by similar_movie_id.';
comment on column similar_movies.similar_movie_id is
'The other movie.';
comment on column similar_movies.title is
'Title of the other movie.';
comment on column similar_movies.similarity is
'Cosine of the two embeddings, -1 to 1.';
