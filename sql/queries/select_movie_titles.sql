-- Titles of the movies that the current model knows, in the order of its index.
select
    known.movie_id,
    coalesce(movie.title, 'movie ' || known.movie_id::varchar) as title,
from movie_embeddings as known
left join movies as movie
    on known.movie_id = movie.movie_id
where known.model_id = $model_id
order by known.movie_index;
