-- Customers by recency, frequency and money (fifths of each, 5 is best), grouped into segments.
WITH newest AS (
    SELECT max(sales_date) AS today FROM silver.current_order_lines
),
customers AS (
    SELECT
        source,
        customer_id,
        max(CASE WHEN quantity > 0 THEN sales_date END) AS last_order,
        count(DISTINCT CASE WHEN quantity > 0 THEN order_id END) AS orders,
        sum(quantity * unit_price) AS revenue
    FROM silver.current_order_lines
    WHERE customer_id IS NOT NULL
    GROUP BY source, customer_id
),
scored AS (
    SELECT
        source,
        customer_id,
        date_diff('day', last_order, today) AS days_since,
        orders,
        revenue,
        ntile(5) OVER (ORDER BY last_order, source, customer_id) AS recency,
        ntile(5) OVER (ORDER BY orders, source, customer_id) AS frequency,
        ntile(5) OVER (ORDER BY revenue, source, customer_id) AS money
    FROM customers
    CROSS JOIN newest
    WHERE last_order IS NOT NULL
),
segmented AS (
    SELECT
        scored.*,
        CASE
            WHEN recency >= 4 AND frequency >= 4 THEN 'champions'
            WHEN recency >= 4 AND frequency <= 2 THEN 'new'
            WHEN frequency >= 4 AND recency <= 2 THEN 'at risk'
            WHEN recency <= 2 AND frequency <= 2 THEN 'lost'
            ELSE 'regular'
        END AS segment
    FROM scored
)
SELECT
    segment,
    count(*) AS customers,
    round(avg(CAST(days_since AS double)), 1) AS mean_days_since_last_order,
    round(avg(CAST(orders AS double)), 1) AS mean_orders,
    sum(revenue) AS revenue,
    round(avg(CAST(money AS double)), 1) AS mean_money_score
FROM segmented
GROUP BY segment
ORDER BY revenue DESC, segment
