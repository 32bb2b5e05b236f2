-- Id and title of every movie of the data.
select
    movie_id,
    title,
from movies
order by movie_id;
