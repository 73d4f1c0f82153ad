//! A second way to the optimal cost, which shares no code and no idea with the crate's: successive shortest paths.
//!
//! Bellman-Ford finds the cheapest way to send more mass through the residual graph, until all mass is sent. Plain
//! loops, O(n + m) rounds a path: for small problems.

/// The least cost of sending integer `supply` to integer `demand` (equal in sum) at `costs[i][j]` a unit.
pub fn least_cost(supply: &[i64], demand: &[i64], costs: &[Vec<f64>]) -> f64 {
    let (n, m) = (supply.len(), demand.len());
    let mut flow = vec![vec![0_i64; m]; n];
    let mut supply = supply.to_vec();
    let mut demand = demand.to_vec();
    while supply.iter().any(|&units| units > 0) {
        // distance[node]: from any source with supply left, through arcs forwards and flow backwards.
        let mut distance = vec![f64::INFINITY; n + m];
        let mut previous = vec![usize::MAX; n + m];
        for i in (0..n).filter(|&i| supply[i] > 0) {
            distance[i] = 0.0;
        }
        for _ in 0..n + m {
            let mut changed = false;
            for i in 0..n {
                for j in 0..m {
                    let slack = 1e-12 * (1.0 + costs[i][j].abs());
                    if distance[i] + costs[i][j] < distance[n + j] - slack {
                        (distance[n + j], previous[n + j], changed) = (distance[i] + costs[i][j], i, true);
                    }
                    if flow[i][j] > 0 && distance[n + j] - costs[i][j] < distance[i] - slack {
                        (distance[i], previous[i], changed) = (distance[n + j] - costs[i][j], n + j, true);
                    }
                }
            }
            if !changed {
                break;
            }
        }
        let end = (0..m)
            .filter(|&j| demand[j] > 0)
            .min_by(|&a, &b| distance[n + a].total_cmp(&distance[n + b]))
            .expect("equal sums: while supply is left, so is demand");
        let mut units = demand[end];
        let mut node = n + end;
        while previous[node] != usize::MAX {
            if node < n {
                units = units.min(flow[node][previous[node] - n]);
            }
            node = previous[node];
        }
        units = units.min(supply[node]);
        supply[node] -= units;
        demand[end] -= units;
        let mut node = n + end;
        while previous[node] != usize::MAX {
            let before = previous[node];
            if node < n {
                flow[node][before - n] -= units;
            } else {
                flow[before][node - n] += units;
            }
            node = before;
        }
    }
    (0..n).flat_map(|i| (0..m).map(move |j| (i, j))).map(|(i, j)| flow[i][j] as f64 * costs[i][j]).sum()
}
