-- Load a movies Parquet file into raw_movies.
insert into raw_movies
with named as (
    select * from read_parquet($path)
    union all by name
    select
        null as movie_id,
        null as movieid,
        null as item_id,
        null as itemid,
        null as title,
        null as movie_title,
        null as name,
        null as genres,
        null as genre,
    where false
)

select
    try_cast(coalesce(movie_id, movieid, item_id, itemid) as bigint) as movie_id,
    coalesce(title, movie_title, name)::varchar as title,
    coalesce(genres, genre)::varchar as genres,
from named;
