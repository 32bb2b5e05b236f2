-- Offending rows: movies listed more than once, or without a whole-number id.
select
    movie_id,
    count(*) as row_count,
from movies
group by movie_id
having count(*) > 1 or movie_id is null
order by movie_id;
