-- Whether any movie of the movies file is rated.
select count(*) > 0 as has_rated_movies
from raw_movies
semi join raw_ratings
    on raw_movies.movie_id = raw_ratings.movie_id;
