-- Rows loaded.
select
    (select count(*) from raw_ratings) as rating_rows,
    (select count(*) from raw_movies) as movie_rows;
