-- Turn whole numbers since 1970 in milli-, micro- or nanoseconds into seconds.
-- The unit is that of more than half of the file: from 1973 to the year 5138, times in
-- two of them differ a thousandfold and no number is of both.
with counts as (
    select
        count(timestamp) as timed,
        count_if(timestamp not between -1e11 and 1e11) as beyond_seconds,
        count_if(timestamp not between -1e14 and 1e14) as beyond_milliseconds,
        count_if(timestamp not between -1e17 and 1e17) as beyond_microseconds,
    from raw_ratings
),

unit as (
    select
        case
            when 2 * beyond_microseconds > timed then 1000000000
            when 2 * beyond_milliseconds > timed then 1000000
            when 2 * beyond_seconds > timed then 1000
            else 1
        end as per_second,
    from counts
)

update raw_ratings
set timestamp = raw_ratings.timestamp // unit.per_second
from unit
where unit.per_second > 1;
