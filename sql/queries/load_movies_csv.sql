-- Load a movies CSV file into raw_movies.
insert into raw_movies
with file as (
    from read_csv(
        $path,
        delim = $delimiter,
        header = true,
        quote = '"',
        escape = '"',
        all_varchar = true
    )
),

named as (
    select * from file
    union all by name
    select
        null::varchar as movie_id,
        null::varchar as movieid,
        null::varchar as item_id,
        null::varchar as itemid,
        null::varchar as title,
        null::varchar as movie_title,
        null::varchar as name,
        null::varchar as genres,
        null::varchar as genre,
    where false
),

chosen as (
    select
        coalesce(movie_id, movieid, item_id, itemid) as movie_text,
        coalesce(title, movie_title, name) as title,
        coalesce(genres, genre) as genres,
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
