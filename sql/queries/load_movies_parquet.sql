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
),

chosen as (
    select
        coalesce(
            movie_id::varchar, movieid::varchar, item_id::varchar, itemid::varchar
        ) as movie_text,
        coalesce(title::varchar, movie_title::varchar, name::varchar) as title,
        coalesce(genres::varchar, genre::varchar) as genres,
    from named
)

select
    if(
        try_cast(movie_text as bigint) = try_cast(movie_text as double),
        try_cast(movie_text as bigint),
        null
    ) as movie_id,
    title,
    genres,
from chosen;
