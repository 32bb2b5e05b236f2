-- Lines of raw_ratings that are not ratings, first in the file first.
-- line_number counts data rows from 1, the header not included.
select
    rowid + 1 as line_number,
    user_id,
    movie_id,
    rating,
    count(*) over () as bad_count,
from raw_ratings
where
    user_id is null
    or movie_id is null
    or rating is null
    or not isfinite(rating)
order by line_number
limit 3;
