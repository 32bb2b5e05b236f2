-- The movies of the current model with what is known of them, in its own order.
with means as (
    select
        movie_id,
        avg(rating) as mean_rating,
    from split_ratings
    where split = 'train'
    group by movie_id
)

select
    known.movie_id,
    coalesce(movie.title, 'movie ' || known.movie_id::varchar) as title,
    movie.year,
    coalesce(movie.genres, []::varchar[]) as genres,
    coalesce(top.rating_count, 0) as rating_count,
    round(coalesce(means.mean_rating, 0), 9) as mean_rating,
from movie_embeddings as known
left join movies as movie
    on known.movie_id = movie.movie_id
left join top_movies as top
    on known.movie_id = top.movie_id
left join means
    on known.movie_id = means.movie_id
where known.model_id = $model_id
order by known.movie_index;
