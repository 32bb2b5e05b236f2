-- What scoring a model looks up for every pair, read from the views once: what is known
-- of the pair, the title, and how far from its prediction the interval reaches.
create or replace temp table known_pairs as
select
    user_id,
    movie_id,
    rating,
    split,
from split_ratings;

create or replace temp table known_titles as
select
    known.movie_id,
    coalesce(movie.title, 'movie ' || known.movie_id::varchar) as title,
from movie_embeddings as known
left join movies as movie
    on known.movie_id = movie.movie_id
where known.model_id = $model_id;

create or replace temp table known_intervals as
select
    radii.user_id,
    radii.radius,
    model.lowest_rating,
    model.highest_rating,
from interval_radii as radii
inner join models as model
    on radii.model_id = model.model_id
where radii.model_id = $model_id;
