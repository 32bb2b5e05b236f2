-- network_unit(units, weights, bias, lowest_value): one unit of a layer of the network.
-- Reads: its arguments alone.
-- Why: live_predictions needs the formula once per layer.

create or replace macro network_unit(units, weights, bias, lowest_value) as
greatest(lowest_value, list_dot_product(units, weights) + bias);

comment on function network_unit is
'One unit of a layer: the weighted sum of the units before it plus its bias, bounded.';
