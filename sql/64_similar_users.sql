-- similar_users: users that the current model holds to be alike.
-- Grain: one row per user of the model and other user of the model.
-- Reads: models, user_embeddings.
-- Why: the cosine of two embeddings, by DuckDB's own list functions.

create or replace view similar_users as
with embedded as (
    select
        known.model_id,
        known.user_id,
        known.embedding,
    from user_embeddings as known
    inner join models as model
        on known.model_id = model.model_id and model.is_current
),

compared as (
    select
        one.model_id,
        one.user_id,
        other.user_id as similar_user_id,
        round(list_cosine_similarity(one.embedding, other.embedding), 6) as similarity,
    from embedded as one
    inner join embedded as other
        on one.user_id != other.user_id
)

select
    model_id,
    user_id,
    row_number() over (
        partition by user_id
        order by similarity desc, similar_user_id
    ) as rank,
    similar_user_id,
    similarity,
from compared;

comment on view similar_users is
'How alike users are to the current model. One row per user and other user.';
comment on column similar_users.model_id is
'The current model, as in models.';
comment on column similar_users.user_id is
'User as the data names it.';
comment on column similar_users.rank is
'1 is the most similar, ties by similar_user_id.';
comment on column similar_users.similar_user_id is
'The other user.';
comment on column similar_users.similarity is
'Cosine of the two embeddings, -1 to 1.';
