-- Pairs of products that are bought together most often, with the lift over chance.
WITH lines AS (
    SELECT DISTINCT source, order_id, product_id
    FROM silver.current_order_lines
    WHERE quantity > 0 AND product_id IS NOT NULL
),
popular AS (
    SELECT product_id, count(*) AS orders
    FROM lines
    GROUP BY product_id
    ORDER BY orders DESC, product_id
    LIMIT 200
),
baskets AS (
    SELECT lines.source, lines.order_id, lines.product_id, popular.orders
    FROM lines
    JOIN popular ON popular.product_id = lines.product_id
),
whole AS (
    SELECT CAST(count(DISTINCT source || ' ' || order_id) AS double) AS orders FROM lines
)
SELECT
    one.product_id AS product,
    other.product_id AS other_product,
    count(*) AS orders_together,
    round(count(*) * max(whole.orders) / (CAST(max(one.orders) AS double) * max(other.orders)), 2) AS lift
FROM baskets AS one
JOIN baskets AS other
    ON other.source = one.source AND other.order_id = one.order_id AND other.product_id > one.product_id
CROSS JOIN whole
GROUP BY one.product_id, other.product_id
ORDER BY orders_together DESC, product, other_product
LIMIT 50
