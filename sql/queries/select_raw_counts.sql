-- Rows loaded of each file.
select
    (select count(*) from raw_ratings) as ratings,
    (select count(*) from raw_movies) as movies;
