-- Titles of the movies that the model knows, read from the views once.
create or replace temp table known_titles as
select
    known.movie_id,
    coalesce(movie.title, 'movie ' || known.movie_id::varchar) as title,
from movie_embeddings as known
left join movies as movie
    on known.movie_id = movie.movie_id
where known.model_id = $model_id;
