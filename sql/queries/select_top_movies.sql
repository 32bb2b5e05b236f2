-- Movies in the order of their index.
select movie_id
from top_movies
order by movie_index;
