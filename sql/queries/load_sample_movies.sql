-- Take the generated movies as the movies file.
insert into raw_movies
select
    movie_id,
    title,
    genres,
from sample_movies;
