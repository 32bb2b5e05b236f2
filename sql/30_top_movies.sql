-- top_movies: the movies with the most ratings.
-- Grain: one row per kept movie; settings.top_movies rows, or fewer if there are fewer.
-- Reads: ratings, settings.
-- Why: ties are broken by movie_id, so the same data always keeps the same movies.

create or replace view top_movies as
with counted as (
    select
        movie_id,
        count(*) as rating_count,
    from ratings
    group by movie_id
),

ranked as (
    select
        movie_id,
        rating_count,
        row_number() over (order by rating_count desc, movie_id) - 1 as movie_index,
    from counted
)

select
    movie_id,
    movie_index,
    rating_count,
from ranked
where movie_index < (select settings.top_movies from settings);

comment on view top_movies is
'The movies with the most ratings, ties by movie_id. One row per kept movie.';
comment on column top_movies.movie_id is
'Movie as the data names it.';
comment on column top_movies.movie_index is
'Dense row of the movie in a model trained now: 0 is the most rated.';
comment on column top_movies.rating_count is
'Ratings that the movie has from all users.';
