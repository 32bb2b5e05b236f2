-- Offending rows: (user, movie) pairs that were dealt to more than one split.
select
    user_id,
    movie_id,
    list_sort(list(split)) as splits,
from split_ratings
group by user_id, movie_id
having count(*) > 1
order by user_id, movie_id;
