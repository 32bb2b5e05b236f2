-- The movies that the current model knows, or one of them, most rated first.
select
    known.movie_id,
    coalesce(movie.title, 'movie ' || known.movie_id::varchar) as title,
    movie.year,
    coalesce(movie.genres, []::varchar[]) as genres,
from movie_embeddings as known
inner join models as model
    on known.model_id = model.model_id and model.is_current
left join movies as movie
    on known.movie_id = movie.movie_id
where $movie_id::bigint is null or known.movie_id = $movie_id::bigint
order by known.movie_index;
