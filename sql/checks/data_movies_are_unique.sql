-- Offending rows: movies listed more than once.
select
    movie_id,
    count(*) as row_count,
from movies
group by movie_id
having count(*) > 1
order by movie_id;
