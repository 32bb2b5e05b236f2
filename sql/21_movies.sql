-- movies: every movie that was listed or rated.
-- Grain: one row per movie_id.
-- Reads: raw_movies, raw_ratings.
-- Why: a rated movie is never lost for want of a title; it is then called 'movie 42'.

create or replace view movies as
with rated_movies as (
    select distinct movie_id
    from raw_ratings
),

listed as (
    select
        movie_id,
        title,
        regexp_extract(title, '\((\d{4})\)\s*$', 1) as year_text,
        case
            when genres in ('', '(no genres listed)') then null
            else string_split(genres, '|')
        end as genre_list,
    from raw_movies
)

select
    coalesce(listed.movie_id, rated.movie_id) as movie_id,
    coalesce(
        listed.title, 'movie ' || coalesce(listed.movie_id, rated.movie_id)::varchar
    ) as title,
    try_cast(listed.year_text as integer) as year,
    coalesce(listed.genre_list, []::varchar[]) as genres,
from listed
full outer join rated_movies as rated
    on listed.movie_id = rated.movie_id;

comment on view movies is
'Every movie that was listed or rated. One row per movie_id.';
comment on column movies.movie_id is
'Movie as the data names it.';
comment on column movies.title is
'Title; ''movie ID'' where the data has none.';
comment on column movies.year is
'Year of release, read from the end of the title; null if it is not there.';
comment on column movies.genres is
'Genres; an empty list if the data has none.';
