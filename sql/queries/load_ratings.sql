-- Load a ratings file, which Python hands over as file_rows, whatever its format.
-- What is not a number becomes null; a cast to bigint alone would round '3.7', which
-- is the id of somebody else.
insert into raw_ratings
select
    if(
        try_cast("user" as bigint) = try_cast("user" as double),
        try_cast("user" as bigint),
        null
    ) as user_id,
    if(
        try_cast(movie as bigint) = try_cast(movie as double),
        try_cast(movie as bigint),
        null
    ) as movie_id,
    try_cast(rating as double) as rating,
    coalesce(
        try_cast(time::varchar as bigint),
        -- A cast to timestamp alone would drop the offset of '10:00+05:30'
        case
            when
                regexp_matches(
                    time::varchar, '\d:\d{2}.*([+-]\d{2}(:?\d{2})?|[zZ])\s*$'
                )
                then epoch(try_cast(time::varchar as timestamptz))::bigint
            else epoch(try_cast(time::varchar as timestamp))::bigint
        end
    ) as timestamp,
from file_rows;
