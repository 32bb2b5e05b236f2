-- Take the generated ratings and movies as the two files.
insert into raw_ratings
select
    user_id,
    movie_id,
    rating,
    timestamp,
from sample_ratings;

insert into raw_movies
select
    movie_id,
    title,
    genres,
from sample_movies;
