-- Load a movies file, which Python hands over as file_rows, whatever its format.
insert into raw_movies
select
    if(
        try_cast(movie as bigint) = try_cast(movie as double),
        try_cast(movie as bigint),
        null
    ) as movie_id,
    title::varchar as title,
    genres::varchar as genres,
from file_rows;
