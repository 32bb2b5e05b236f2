-- movie_reasons: what speaks for a movie, in movies that the user liked.
-- Grain: one row per user, movie of the current model and reason, three at most.
-- Reads: split_ratings, active_users, models, movie_embeddings, movies.
-- Why: a person trusts "because you liked Alien" more than a number. Only ratings that
--      the model learnt from are cited; liked is at or above the user's own mean. A
--      filter on user_id reaches the first join, so one user costs milliseconds.

create or replace view movie_reasons as
with liked as (
    select
        rated.user_id,
        rated.movie_id,
        rated.rating,
    from split_ratings as rated
    inner join active_users as active
        on rated.user_id = active.user_id
    where
        rated.split = 'train'
        and rated.rating >= active.mean_rating
),

embedded as (
    select
        known.model_id,
        known.movie_id,
        known.embedding,
    from movie_embeddings as known
    inner join models as model
        on known.model_id = model.model_id and model.is_current
),

compared as (
    select
        one.model_id,
        liked.user_id,
        one.movie_id,
        liked.movie_id as because_movie_id,
        liked.rating as user_rating,
        round(list_cosine_similarity(one.embedding, other.embedding), 6) as similarity,
    from liked
    inner join embedded as other
        on liked.movie_id = other.movie_id
    inner join embedded as one
        on liked.movie_id != one.movie_id
),

ranked as (
    select
        *,
        row_number() over (
            partition by user_id, movie_id
            order by similarity desc, because_movie_id
        ) as reason_rank,
    from compared
)

select
    ranked.model_id,
    ranked.user_id,
    ranked.movie_id,
    ranked.reason_rank,
    ranked.because_movie_id,
    movie.title as because_title,
    ranked.user_rating,
    ranked.similarity,
from ranked
inner join movies as movie
    on ranked.because_movie_id = movie.movie_id
where ranked.reason_rank <= 3;

comment on view movie_reasons is
'Liked movies nearest to each movie. One row per user, movie and reason.';
comment on column movie_reasons.model_id is
'The current model, as in models.';
comment on column movie_reasons.user_id is
'User as the data names it.';
comment on column movie_reasons.movie_id is
'The movie that they speak for.';
comment on column movie_reasons.reason_rank is
'1 is the nearest liked movie, ties by because_movie_id.';
comment on column movie_reasons.because_movie_id is
'A movie that the user liked, among the ratings that the model learnt from.';
comment on column movie_reasons.because_title is
'Title of that movie.';
comment on column movie_reasons.user_rating is
'Rating that the user gave it (stars).';
comment on column movie_reasons.similarity is
'Cosine of the embeddings of the two movies, -1 to 1.';
